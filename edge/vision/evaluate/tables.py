"""Which figures stand side by side, and what a reader must know of them: the template of docs/models.md."""

from __future__ import annotations

from typing import NamedTuple

from edge.vision.evaluate.bench import (
    COCO,
    CROPS,
    EYES,
    HIGHWAY,
    LIGHTS,
    RENDERED_DRIVERS,
    RENDERED_ROADS,
    SIGNS,
    TEACHER,
)

BY_EYE = "drawn by eye"
LINES = "lines of the own lane, drawn by eye"
FILMS = "two films of real drivers"
MIRROR = "two films of real drivers, against their mirror image"


class Column(NamedTuple):
    """One figure of each model: its name and where it was measured."""

    title: str
    what: str
    on: str


class Table(NamedTuple):
    """Models that find the same thing, side by side; picture: shown below it, with what is said of it."""

    title: str
    text: str
    columns: tuple[Column, ...]
    picture: tuple[str, str] | None = None


ROAD_USERS = Table(
    "Road users",
    f"""AP50, as PASCAL VOC 2010 defines it. `{HIGHWAY}`: pictures mostly taken with telephones in
one country, boxes by people; ours did not learn from this split, but from the others of that set (ten
pictures that are in those too are left out), public models from none of it as far as is known. A
vehicle is right whatever kind of vehicle it is called. Objects lower than a fortieth of the picture
count neither way, bicycles have no labels there. *found* and *right*: at the threshold of the zoo, how
many of the vehicles are found, and how many of the boxes are right. `{COCO}`: 20 pictures, few of them
of roads. *rendered*: scenes of our simulation; ours learnt from others of that sort, public models
never saw any.""",
    (
        Column("vehicle", "vehicle AP50", HIGHWAY),
        Column("car", "car AP50", HIGHWAY),
        Column("truck", "truck AP50", HIGHWAY),
        Column("bus", "bus AP50", HIGHWAY),
        Column("two-wheeler", "two-wheeler AP50", HIGHWAY),
        Column("person", "person AP50", HIGHWAY),
        Column("found", "vehicles found", HIGHWAY),
        Column("right", "vehicle boxes right", HIGHWAY),
        Column("COCO: person", "person AP50", COCO),
        Column("rendered: vehicle", "vehicle AP50", RENDERED_ROADS),
        Column("rendered: person", "person AP50", RENDERED_ROADS),
    ),
    (
        "roads.jpg",
        "Left ours, right public networks. Green road, red marks, blue kerbs; cyan: the lines that are made "
        "of the marks. The first two pictures are of a camera that ours was not trained on. Pictures: "
        "Udacity CarND (MIT), traffic_light_kr (CC BY 4.0).",
    ),
)

SURFACES = Table(
    "Road, lane marks, kerbs",
    f"""Intersection over union, in pictures 416 px wide. *by eye*: polygons drawn by eye on 13
pictures of three cameras (`models/training/labels/road_polygons.json`). *teacher*: against `{TEACHER}`,
which ours learnt from and which errs itself: these figures say how alike they are. Of the camera of
carnd_P1 ours saw nothing in training; the earlier weights that it began with had seen three stills. Of
traffic_light_kr it saw other pictures of the same walk, some of the same crossings; carnd_P2 it learnt
from itself, as the teacher labelled it. What the public networks learnt from is not stated. *points*,
*lines*: of the lines beside the own lane that were drawn by eye, the share of points that a found line
passes within 1.6 % of the width (the measure of TuSimple
2017), and of lines of which at least half the points are so.""",
    (
        Column("road, P1, by eye", "road IoU", f"carnd_P1, {BY_EYE}"),
        Column("road, kr, by eye", "road IoU", f"traffic_light_kr, {BY_EYE}"),
        Column("road, P2, by eye", "road IoU", f"carnd_P2, {BY_EYE}"),
        Column("road, P1, teacher", "road IoU", f"carnd_P1, against {TEACHER}"),
        Column("mark, P1, teacher", "mark IoU", f"carnd_P1, against {TEACHER}"),
        Column("kerb, P1, teacher", "kerb IoU", f"carnd_P1, against {TEACHER}"),
        Column("road, kr, teacher", "road IoU", f"traffic_light_kr, against {TEACHER}"),
        Column("mark, kr, teacher", "mark IoU", f"traffic_light_kr, against {TEACHER}"),
        Column("kerb, kr, teacher", "kerb IoU", f"traffic_light_kr, against {TEACHER}"),
        Column("points", "lane points within 1.6 % of the width", LINES),
        Column("lines", "lane lines found", LINES),
    ),
)

TRAFFIC_LIGHTS = Table(
    "Traffic lights",
    f"""*place*: AP50 of where the lights are, in {LIGHTS}: pictures that ours did not learn from,
though from others of these sets. State, of lights whose place is given: on crops of another country
(measured on only: their origin states no terms), and on the same test pictures. *said*: of how many
anything was said.""",
    (
        Column("place", "traffic light AP50", LIGHTS),
        Column("foreign: right", "light state right", CROPS),
        Column("foreign: said", "light state said", CROPS),
        Column("foreign: red called green", "red called green", CROPS),
        Column("test: right", "light state right", LIGHTS),
        Column("test: said", "light state said", LIGHTS),
        Column("test: red called green", "red called green", LIGHTS),
    ),
    (
        "lights.jpg",
        'The states of lights by icv-light, "?" where it does not say, in pictures that it did not learn '
        "from; where the lights are was marked by people. Pictures: cinta, traffic_light_kr (CC BY 4.0).",
    ),
)

TRAFFIC_SIGNS = Table(
    "Traffic signs",
    """The kind of real signs whose place is given: a few of two sets (CC BY), marked and named by
eye (`models/training/labels/signs.json`); ours learnt from rendered signs alone. Far larger sets, that
may only be measured on, are on its card.""",
    (
        Column("right", "sign kind right", SIGNS),
        Column("said", "sign kind said", SIGNS),
        Column("wrong, of those said", "sign kind wrong where said", SIGNS),
    ),
)

EYES_TABLE = Table(
    "Eyes",
    """AUC: how often an open eye scores higher than a closed one. *real*: films of a few people,
labelled by eye (`models/training/labels/eyes.json`); pictures of one film are alike, so that these are
far fewer cases than pictures. Most of the closed ones look into the lap, lids seen from above. *ahead*:
only heads within 35 deg of yaw and 30 of pitch, as a view tells of eyes. `icv-eye` learnt from rendered
eyes of another renderer than the drivers here; `icv-driver` from drivers of this one.""",
    (
        Column("real", "eye AUC", EYES),
        Column("closed ones", "eye AUC: closed", EYES),
        Column("real, ahead", "eye AUC, head not turned away", EYES),
        Column("closed ones, ahead", "eye AUC, head not turned away: closed", EYES),
        Column("rendered drivers", "eye AUC", RENDERED_DRIVERS),
        Column("mirror: openness", "difference of openness", MIRROR),
    ),
)

FACES = Table(
    "Faces, heads, gaze",
    """There are no labelled poses of real people here. *mirror*: by how much what is said of a
picture differs from what is said of its mirror image, left and right exchanged, on average; degrees,
points in distances between the eyes. That finds a network that contradicts itself, not one that errs
the same way twice. *rendered*: mean error in degrees on drivers of our simulation; public networks
never saw drawn faces, and `icv-driver` never saw real ones and is not for them.""",
    (
        Column("face found, real", "face found", FILMS),
        Column("mirror: points", "eyes differ by, in eyes' distance", MIRROR),
        Column("mirror: yaw", "head yaw differs by", MIRROR),
        Column("mirror: pitch", "head pitch differs by", MIRROR),
        Column("mirror: roll", "head roll differs by", MIRROR),
        Column("mirror: gaze yaw", "gaze yaw differs by", MIRROR),
        Column("mirror: gaze pitch", "gaze pitch differs by", MIRROR),
        Column("rendered: face", "face or nobody right", RENDERED_DRIVERS),
        Column("rendered: yaw", "head yaw error", RENDERED_DRIVERS),
        Column("rendered: pitch", "head pitch error", RENDERED_DRIVERS),
        Column("rendered: roll", "head roll error", RENDERED_DRIVERS),
        Column("rendered: gaze yaw", "gaze yaw error", RENDERED_DRIVERS),
        Column("rendered: gaze pitch", "gaze pitch error", RENDERED_DRIVERS),
    ),
    (
        "drivers.jpg",
        "icv-driver on rendered drivers that it never saw: red where the head points, green the gaze; open: "
        "right and left eye.",
    ),
)

TABLES = (ROAD_USERS, SURFACES, TRAFFIC_LIGHTS, TRAFFIC_SIGNS, EYES_TABLE, FACES)

INVENTORY = """`icv-*` are ours: trained by the scripts in `models/training`, each with a card. The others
are public; their weights do not come with the program: `icv models fetch NAME`, or `--from DIR` on a
board without internet. Weights that learnt from what is for *research use* may not be free for every
use, whatever licence they carry: ask somebody who knows before you sell them."""

SPEED = """Milliseconds, lower quartiles (medians tell of what else the machine does), of all networks
by turns: each finds cold caches, and all find the same machine. One picture in memory, 1280x720 of a
road or 640x480 of a driver, the same for all. *whole*: from the picture to what is seen; *before*:
until the network runs; *network*: its run, of eyes two; *after*: from there; *bare*: one run on the
same tensor right after that, on warm caches."""

CLOSING = """## What is not claimed

- Nothing here proves that a road is free or a driver awake. What a network is not good for: `icv models
  card NAME`.
- The sets are small and of few places: a few hundredths between two networks are no difference.
- Night, rain, snow and fog on real roads were not measured: there are no labelled pictures of them
  here. Nor were real drivers at night, in infrared, behind dark glasses or of every age and colour of
  skin: the films show a handful.
- Speed on boards was not measured: run the same command there."""
