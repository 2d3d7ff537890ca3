"""The table of SPAT, what traffic lights show and when that changes: T/CSAE 53-2020, YD/T 3709-2020."""

from __future__ import annotations

from edge.v2x.csae53 import elements
from edge.v2x.uper import Bits, Choice, Enumerated, Integer, Sequence, SequenceOf

TIME_MARK = Integer(0, 36001)
COUNTING_DOWN = Sequence(
    {
        "startTime": TIME_MARK,
        "minEndTime?": TIME_MARK,
        "maxEndTime?": TIME_MARK,
        "likelyEndTime": TIME_MARK,
        "timeConfidence?": elements.CONFIDENCE,
        "nextStartTime?": TIME_MARK,
        "nextDuration?": TIME_MARK,
    }
)
UTC_TIMING = Sequence(
    {
        "startUTCTime": TIME_MARK,
        "minEndUTCTime?": TIME_MARK,
        "maxEndUTCTime?": TIME_MARK,
        "likelyEndUTCTime": TIME_MARK,
        "timeConfidence?": elements.CONFIDENCE,
        "nextStartUTCTime?": TIME_MARK,
        "nextEndUTCTime?": TIME_MARK,
    }
)
PHASE_STATE = Sequence(
    {
        "light": Enumerated(
            "unavailable dark flashing-red red flashing-green permissive-green protected-green yellow"
            " flashing-yellow",
            extensible=True,
        ),
        "timing?": Choice({"counting": COUNTING_DOWN, "utcTiming": UTC_TIMING}, extensible=True),
    },
    extensible=True,
)
PHASE = Sequence({"id": elements.PHASE_ID, "phaseStates": SequenceOf(PHASE_STATE, 1, 16)})
STATUS = Bits(
    16,
    names="manualControlIsEnabled stopTimeIsActivated failureFlash preemptIsActive signalPriorityIsActive"
    " fixedTimeOperation trafficDependentOperation standbyOperation failureMode off recentMAPmessageUpdate"
    " recentChangeInMAPassignedLanesIDsUsed noValidMAPisAvailableAtThisTime noValidSPATisAvailableAtThisTime",
)
INTERSECTION_STATE = Sequence(
    {
        "intersectionId": elements.NODE_REFERENCE_ID,
        "status": STATUS,
        "moy?": elements.MINUTE_OF_THE_YEAR,
        "timeStamp?": elements.D_SECOND,
        "timeConfidence?": elements.TIME_CONFIDENCE,
        "phases": SequenceOf(PHASE, 1, 16),
    },
    extensible=True,
)
SPAT = Sequence(
    {
        "msgCnt": elements.MSG_COUNT,
        "moy?": elements.MINUTE_OF_THE_YEAR,
        "timeStamp?": elements.D_SECOND,
        "name?": elements.DESCRIPTIVE_NAME,
        "intersections": SequenceOf(INTERSECTION_STATE, 1, 32),
    },
    extensible=True,
)
