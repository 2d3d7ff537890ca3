"""One packet in one line, for people."""

from __future__ import annotations

from typing import Any

_KINDS = {
    "shb": "single hop", "tsb": "topological broadcast", "gbc": "GeoBroadcast", "gac": "GeoAnycast",
    "guc": "GeoUnicast", "beacon": "beacon", "ls_request": "location request", "ls_reply": "location reply",
    "any": "no kind",
}  # fmt: skip
_FAMILIES = {"geonetworking": "GeoNetworking", "dsmp": "DSMP", "wsmp": "WSMP", "j2735": "no network header"}


def headline(described: dict[str, Any]) -> str:
    """Standard and message, who, where, how fast, what; trust; network; octets."""
    said = []
    if "message" in described:
        said.append(f"{described['message']}, {described['version']}")
        if described["sender"]:
            said.append(f"station {described['sender']}")
        said += _content(described["content"])
    elif "error" in described:
        said.append(f"NOT READ: {described['error']}")
    else:
        said.append("no message")
    if "security" in described and ("message" in described or "network" in described):
        said.append(_trust(described["security"]))
    if "network" in described:
        said.append(_network(described["network"]))
    if "octets" in described:
        said.append(f"{described['octets']} octets")
    return " | ".join(said)


def _content(content: dict[str, Any] | None) -> list[str]:
    if content is None:
        return ["content not understood"]
    kind = content["type"]
    if kind == "RemoteObject":
        return _remote(content)
    if kind == "PerceivedObjects":
        objects = content["objects"]
        kinds = sorted({o["kind"] for o in objects})
        return [f"sees {len(objects)}: {', '.join(kinds)}" if objects else "sees nothing"]
    if kind == "RoadEvents":
        return [_event(event) for event in content["events"]]
    if kind == "Intersections":
        return [
            f"intersection {one['id']}{' ' * bool(one.get('name'))}{one.get('name', '')} at "
            f"{one['latitude_deg']:.6f} {one['longitude_deg']:.6f}, {len(one.get('lanes', ()))} lanes"
            for one in content["intersections"]
        ]
    states: dict[str, list[str]] = {}
    for signal in content["signals"]:
        phases = signal["phases"]
        state = phases[0]["state"].replace("_", " ") if phases else "?"
        states.setdefault(signal["intersection"], []).append(f"{signal['group']} {state}")
    return [f"intersection {name}: {', '.join(groups)}" for name, groups in states.items()]


def _remote(content: dict[str, Any]) -> list[str]:
    said = [content["kind"], f"{content['latitude_deg']:.6f} {content['longitude_deg']:.6f}"]
    if content.get("speed_mps") is not None:
        said.append(f"{content['speed_mps']:.1f} m/s")
    if content.get("heading_deg") is not None:
        said.append(f"heading {content['heading_deg']:.0f} deg")
    said += [event.replace("_", " ").upper() for event in content.get("events", ())]
    return said


def _event(event: dict[str, Any]) -> str:
    said = event["kind"].replace("_", " ").upper()
    if event.get("text"):
        said += f' "{event["text"]}"'
    if event.get("speed_limit_mps") is not None:
        said += f" {event['speed_limit_mps'] * 3.6:.0f} km/h"
    said += f" at {event['latitude_deg']:.6f} {event['longitude_deg']:.6f}"
    return said + (" IS OVER" if event.get("over") else "")


def _trust(security: dict[str, Any]) -> str:
    said = security.get("refused") or security["trust"]
    if security.get("refused"):
        said = f"REFUSED {said}"
    if "signer" in security and not said.startswith("verified"):
        said += f" (signer {security['signer']}, application {security['aid']})"
    return said


def _network(network: dict[str, Any]) -> str:
    said = _FAMILIES[network["family"]]
    if "kind" in network:
        said += f" {_KINDS.get(network['kind'], network['kind'])}"
    if "port" in network:
        said += f", port {network['port']}"
    if "aid" in network:
        said += f", application {network['aid']}"
    if network.get("hop_limit", 1) > 1:
        said += f", {network['remaining_hops']} of {network['hop_limit']} hops left"
    if "area" in network:
        area = network["area"]
        size = f"{area['a_m']} m" if area["shape"] == "circle" else f"{area['a_m']} x {area['b_m']} m"
        said += f", {area['shape']} of {size} at {area['latitude_deg']:.6f} {area['longitude_deg']:.6f}"
    return said
