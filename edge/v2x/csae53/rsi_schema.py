"""The table of RSI, events and signs that the roadside announces: T/CSAE 53-2020, YD/T 3709-2020.

EventType is a code of GB/T 29100-2012, SignType the number of a sign in the index of GB 5768.2-2009.
"""

from __future__ import annotations

from edge.v2x.csae53 import elements
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Octets, Sequence, SequenceOf, Text

DESCRIPTION = Choice({"textString": Text("ia5", 1, 512), "textGB2312": Octets(2, 512)})
TIME_DETAILS = Sequence(
    {
        "startTime?": elements.MINUTE_OF_THE_YEAR,
        "endTime?": elements.MINUTE_OF_THE_YEAR,
        "endTimeConfidence?": elements.TIME_CONFIDENCE,
    }
)
PRIORITY = Octets(1)  # 0 to 7 in the three highest bits
REFERENCE_PATH = Sequence(
    {"activePath": SequenceOf(elements.POSITION_OFFSET, 1, 32), "pathRadius": elements.RADIUS}
)
REFERENCE_LINK = Sequence(
    {
        "upstreamNodeId": elements.NODE_REFERENCE_ID,
        "downstreamNodeId": elements.NODE_REFERENCE_ID,
        "referenceLanes?": Bits(
            16,
            names="reserved lane1 lane2 lane3 lane4 lane5 lane6 lane7 lane8 lane9 lane10 lane11 lane12 lane13"
            " lane14 lane15",
        ),
    }
)
REFERENCE_PATHS = SequenceOf(REFERENCE_PATH, 1, 8)
REFERENCE_LINKS = SequenceOf(REFERENCE_LINK, 1, 16)
EVENT = Sequence(
    {
        "rteId": Integer(0, 255),
        "eventType": Integer(0, 65535),
        "eventSource": Enumerated(
            "unknown police government meteorological internet detection", extensible=True
        ),
        "eventPos?": elements.POSITION_OFFSET,
        "eventRadius?": elements.RADIUS,
        "description?": DESCRIPTION,
        "timeDetails?": TIME_DETAILS,
        "priority?": PRIORITY,
        "referencePaths?": REFERENCE_PATHS,
        "referenceLinks?": REFERENCE_LINKS,
        "eventConfidence?": elements.CONFIDENCE,
    },
    extensible=True,
)
SIGN = Sequence(
    {
        "rtsId": Integer(0, 255),
        "signType": Integer(0, 65535),
        "signPos?": elements.POSITION_OFFSET,
        "description?": DESCRIPTION,
        "timeDetails?": TIME_DETAILS,
        "priority?": PRIORITY,
        "referencePaths?": REFERENCE_PATHS,
        "referenceLinks?": REFERENCE_LINKS,
    },
    extensible=True,
)
RSI = Sequence(
    {
        "msgCnt": elements.MSG_COUNT,
        "moy?": elements.MINUTE_OF_THE_YEAR,
        "id": elements.ID,
        "refPos": elements.POSITION_3D,
        "rtes?": SequenceOf(EVENT, 1, 8),
        "rtss?": SequenceOf(SIGN, 1, 16),
    },
    extensible=True,
)
