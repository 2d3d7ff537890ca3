"""Below the message: GeoNetworking with BTP, DSMP, WSMP."""
