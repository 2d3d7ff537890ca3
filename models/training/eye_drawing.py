"""Draws one eye: skin, lids, iris, lashes, brow, glasses, in the light of one lamp.

Lengths are in half widths of the lid opening: its corners are at (-1, 0) and (1, 0), y down. An eye is drawn
as one side of the face, nose at the left. It is grey, as infrared cameras see it: what the network is given
in colour it turns into grey first.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

DRAWN_PX = 80
SUB = 4  # bits below a px in which OpenCV takes points
T = np.linspace(-1.0, 1.0, 25)  # along the lids


class Drawing:
    """One eye as a picture. image: float32 (DRAWN_PX, DRAWN_PX), 0 to 255."""

    def __init__(self, random: np.random.Generator, share: float) -> None:
        self.r = random
        self.share = share
        self._colours()
        self._shape()
        self._camera()
        self.image = np.empty((DRAWN_PX, DRAWN_PX), np.float32)
        self._skin()
        self._folds()
        if self.gap > 0.02:
            self._eyeball()
        self._lashes()
        self._brow()
        if self.r.uniform() < 0.3:
            self._glasses()
        if self.r.uniform() < 0.06:
            self._hair()
        np.clip(self.image, 0, 255, out=self.image)

    # ------------------------------------------------------------ what it is like

    def _colours(self) -> None:
        """Grey levels of a well-lit picture."""
        r = self.r
        self.skin = r.uniform(45, 200)
        if r.uniform() < 0.3:  # near infrared: skin of all tones is light, the white of the eye no lighter
            self.white, self.iris = self.skin * r.uniform(0.7, 1.2), self.skin * r.uniform(0.3, 0.85)
            self.hair = self.skin * r.uniform(0.2, 0.8)
            self.pupil = self.skin * r.uniform(0.9, 1.8) if r.uniform() < 0.25 else r.uniform(4, 30)
        else:
            self.white = min(self.skin * r.uniform(0.95, 2.2), r.uniform(170, 245))
            self.iris = r.uniform(18, 70) if r.uniform() < 0.65 else r.uniform(60, 130)
            self.hair = r.uniform(15, 60) if r.uniform() < 0.75 else r.uniform(60, 170)
            self.pupil = r.uniform(4, 25)
        self.made_up = r.uniform() < 0.25

    def _shape(self) -> None:
        r = self.r
        self.down = float(np.clip(r.normal(0.08, 0.3), -0.3, 1.0))  # where it looks
        self.aside = float(np.clip(r.normal(0, 0.42), -1.0, 1.0))
        full = float(np.clip(r.normal(0.8, 0.16), 0.42, 1.25)) * (1.0 - 0.5 * max(self.down, 0.0))
        self.gap = full * self.share
        sag = float(r.uniform(0.08, 0.34))  # of the line in which the lids meet
        self.bow = float(r.normal(0.0, 0.1))  # of both lids, as seen from below or above
        tilt = float(r.normal(0.06, 0.08))
        rise, fall = float(r.uniform(0.55, 1.0)), float(r.uniform(0.7, 1.3))
        skew = float(r.uniform(-0.05, 0.3))
        u = np.clip(T + skew * (1 - T**2), -1, 1)
        arch, low = (1 - u**2) ** rise, (1 - T**2) ** fall
        base = tilt * -T + self.bow * (T**2 - 0.5)
        lower = sag * (1.0 + 0.35 * min(self.share, 1.0) * r.uniform(0, 1)) * low
        self.lower = np.column_stack((T, base + lower))
        self.upper = np.column_stack((T, base + lower - self.gap * arch))
        self.closed_arch, self.base = arch, base
        self.rise = float(np.min(self.upper[:, 1]))

    def _camera(self) -> None:
        """How the eye lies in the picture: self.to_px (2, 3)."""
        r = self.r
        side = float(r.uniform(2.1, 4.0))  # of the crop
        stretch = math.cos(math.radians(min(abs(r.normal(0, 22)), 55.0)))
        tall = float(np.clip(r.normal(1.0, 0.1), 0.75, 1.3))
        turn = math.radians(float(np.clip(r.normal(0, 8), -25, 25)))
        k = DRAWN_PX / side
        cos, sin = math.cos(turn), math.sin(turn)
        matrix = k * np.array([[cos, -sin], [sin, cos]]) @ np.array([[stretch, r.normal(0, 0.05)], [0, tall]])
        at = DRAWN_PX / 2 + r.normal(0, 0.06, 2) * DRAWN_PX + [0, r.uniform(-0.02, 0.1) * DRAWN_PX]
        self.to_px = np.column_stack((matrix, at))
        self.k = k
        back = np.linalg.inv(matrix)
        row, column = np.mgrid[0:DRAWN_PX, 0:DRAWN_PX] + 0.5
        dx, dy = column - at[0], row - at[1]
        self.x = (back[0, 0] * dx + back[0, 1] * dy).astype(np.float32)
        self.y = (back[1, 0] * dx + back[1, 1] * dy).astype(np.float32)

    def px(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) of the eye -> int32 (N, 1, 2) as OpenCV draws them."""
        at = np.asarray(points) @ self.to_px[:, :2].T + self.to_px[:, 2] - 0.5
        return np.round(at * (1 << SUB)).astype(np.int32)[:, None]

    def mask(self, outline: np.ndarray, soft_px: float = 0.0) -> np.ndarray:
        """float32 (H, W), 0 to 1, of a closed outline."""
        mask = np.zeros((DRAWN_PX, DRAWN_PX), np.uint8)
        cv2.fillPoly(mask, [self.px(outline)], 255, cv2.LINE_AA, SUB)
        if soft_px > 0.3:
            mask = cv2.GaussianBlur(mask, (0, 0), soft_px)
        return mask.astype(np.float32) / 255

    def strokes(self, lines: list[np.ndarray], width: float, soft_px: float = 0.0) -> np.ndarray:
        """float32 (H, W), 0 to 1, of lines; width in half widths of the eye."""
        mask = np.zeros((DRAWN_PX, DRAWN_PX), np.uint8)
        wide = width * self.k
        thick = max(1, round(wide))
        cv2.polylines(mask, [self.px(line) for line in lines], False, 255, thick, cv2.LINE_AA, SUB)
        if soft_px > 0.3:
            mask = cv2.GaussianBlur(mask, (0, 0), soft_px)
        return mask.astype(np.float32) * np.float32(min(wide / thick, 1.0) / 255)

    def cover(self, mask: np.ndarray, grey: float | np.ndarray, opacity: float = 1.0) -> None:
        """Paint over what is there."""
        self.image += (grey - self.image) * (mask * np.float32(opacity))

    def cloud(self, cells: int) -> np.ndarray:
        """float32 (H, W): smooth chance, deviation about 1."""
        small = self.r.normal(0, 1, (cells, cells)).astype(np.float32)
        return cv2.resize(small, (DRAWN_PX, DRAWN_PX), interpolation=cv2.INTER_CUBIC)

    # ------------------------------------------------------------ how it is drawn

    def _skin(self) -> None:
        """A landscape of brow, eyeball, nose and cheek in the light of one lamp."""
        r, x, y = self.r, self.x, self.y
        self.brow_y = float(r.uniform(-1.55, -0.8))
        ball = r.uniform(0.15, 1.1) * np.exp(
            -(((x / 1.05) ** 2 + ((y - 0.05) / 0.85) ** 2) ** r.uniform(0.9, 1.5))
        )
        brow = r.uniform(0.15, 0.9) * np.exp(-(((y - self.brow_y + 0.1 * x) / r.uniform(0.3, 0.6)) ** 2))
        nose = r.uniform(0.2, 1.3) * np.exp(-(((x + r.uniform(1.7, 2.4)) / 0.7) ** 2))
        socket = -r.uniform(0.0, 0.5) * np.exp(-(((x + 1.05) / 0.5) ** 2 + ((y + 0.35) / 0.5) ** 2))
        bag = r.uniform(0, 0.25) * np.exp(-(((y - 0.75 + 0.25 * x**2) / 0.22) ** 2) - (x / 1.0) ** 2)
        height = ball + brow + nose + socket + bag + 0.03 * self.cloud(6)
        height = cv2.GaussianBlur(height.astype(np.float32), (0, 0), 0.12 * self.k)
        gx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=self.k / 8)
        gy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=self.k / 8)
        angle, lift = r.uniform(0, 2 * math.pi), r.uniform(0.25, 1.2)
        across, up = math.cos(angle), -abs(math.sin(angle)) if r.uniform() < 0.8 else math.sin(angle)
        norm = np.sqrt(1 + gx * gx + gy * gy)
        light = np.clip((-gx * across - gy * up + lift) / norm / math.hypot(1, lift), 0, None)
        ambient = r.uniform(0.15, 0.75)
        shade = ambient + (1 - ambient) * light * r.uniform(0.9, 1.5)
        self.lit = float(np.clip(shade.mean(), 0.3, 1.2))
        texture = 1 + r.uniform(0, 0.06) * self.cloud(24) + r.uniform(0, 0.05) * self.cloud(7)
        self.image[:] = shade * texture * self.skin
        # Shine where the skin faces the lamp, redness of the lids, rings below the eye.
        self.image += np.clip(light - r.uniform(0.8, 1.0), 0, None) * r.uniform(0, 400)
        lids = np.exp(-((x / 1.2) ** 2 + ((y + 0.05) / 0.75) ** 2))
        if self.made_up:
            above = np.exp(-((x / 1.1) ** 2 + ((y + r.uniform(0.25, 0.6)) / 0.45) ** 2))
            self.cover(above, self.skin * r.uniform(0.25, 1.3), r.uniform(0.15, 0.75))
        else:
            self.cover(lids, self.skin * r.uniform(0.6, 1.1) * self.lit, r.uniform(0, 0.5))
        ring = np.exp(-(((y - 0.55 - 0.1 * x) / 0.3) ** 2) - (x / 0.9) ** 2)
        self.cover(ring, self.skin * self.lit * 0.6, r.uniform(0, 0.5))
        # The lid is a curtain before the ball: lower, more of it is seen, and it is lit from above.
        curtain = self.mask(
            np.concatenate((self._above(0.5 + 0.3 * (1 - self.share)), self.upper[::-1])), 0.1 * self.k
        )
        self.cover(curtain, self.skin * self.lit * r.uniform(0.8, 1.25), r.uniform(0, 0.5))

    def _above(self, by: float) -> np.ndarray:
        """A curve like the upper lid's, higher by that much in its middle."""
        y = self.upper[:, 1] - by * (0.25 + 0.75 * self.closed_arch)
        return np.column_stack((T * 1.05, y))

    def _folds(self) -> None:
        r = self.r
        dark = self.skin * self.lit * r.uniform(0.35, 0.75)
        soft = r.uniform(0.01, 0.05) * self.k
        if r.uniform() < 0.8:  # not all eyes have a crease; with the lid down it is fainter and higher
            height = r.uniform(0.1, 0.4) + 0.25 * max(0.0, 1 - self.share) * r.uniform(0.2, 1.2)
            crease = self._above(height)[1 : -1 if r.uniform() < 0.5 else -2]
            fade = 1.0 if self.share > 0.4 else r.uniform(0.05, 1.0)
            band = self.strokes([crease], r.uniform(0.1, 0.35), r.uniform(0.04, 0.14) * self.k)
            self.cover(band, dark, fade * r.uniform(0.0, 0.8))
            self.cover(self.strokes([crease], r.uniform(0.02, 0.09), soft), dark, fade * r.uniform(0.4, 1.0))
        lines = []
        for _ in range(int(r.integers(0, 4))):  # pouches and folds below
            drop = r.uniform(0.15, 0.9)
            span = slice(int(r.integers(0, 6)), 25 - int(r.integers(0, 8)))
            lines.append(np.column_stack((T, self.lower[:, 1] + drop * (0.3 + 0.7 * (1 - T**2))))[span])
        for _ in range(int(r.integers(0, 5)) if r.uniform() < 0.35 else 0):  # crow's feet
            begin = np.array([1.1 + r.uniform(0, 0.2), r.uniform(-0.3, 0.3)])
            lines.append(np.linspace(begin, begin + np.array([r.uniform(0.2, 0.6), r.uniform(-0.3, 0.4)]), 4))
        if lines:
            self.cover(self.strokes(lines, r.uniform(0.01, 0.06), soft), dark, r.uniform(0.1, 0.7))

    def _eyeball(self) -> None:
        r, x, y = self.r, self.x, self.y
        opening = self.mask(np.concatenate((self.upper, self.lower[::-1])))
        shade = 1 - 0.45 * np.clip(np.abs(x), 0, 1.2) ** 3 * r.uniform(0.3, 1)
        top = np.interp(x.ravel(), T, self.upper[:, 1]).reshape(x.shape)
        shadow = np.exp(-np.clip(y - top, 0, None) / r.uniform(0.05, 0.2)) * r.uniform(0.2, 0.75)
        shade = shade * (1 - shadow)
        lit = self.lit * r.uniform(0.75, 1.2)
        pink = np.exp(-(((x + 1.0) / 0.16) ** 2 + (y / 0.3) ** 2)) * r.uniform(0.3, 0.9)
        ball = self.white * lit + (self.skin * 0.8 - self.white) * lit * pink

        radius = r.uniform(0.4, 0.53)
        cx = self.aside * 0.5
        middle = float(np.interp(cx, T, self.base + 0.6 * (self.lower[:, 1] - self.base))) - r.uniform(
            0.18, 0.34
        )
        cy = middle + self.down * 0.4
        flat = math.sqrt(max(1 - (self.aside * 0.55) ** 2, 0.4))
        d = np.sqrt(((x - cx) / flat) ** 2 + (y - cy) ** 2) / radius
        edge = 1 / self.k / radius
        angle = np.arctan2(y - cy, x - cx)
        streaks = 1 + 0.2 * np.sin(angle * int(r.integers(7, 23)) + 3 * r.uniform() * d) * np.clip(d, 0, 1)
        tone = streaks * (1 - r.uniform(0, 0.6) * np.clip(d - 0.6, 0, 0.4) / 0.4) * (0.75 + 0.35 * (y > cy))
        ball += (tone * self.iris * lit - ball) * np.clip((1 - d) / max(2 * edge, r.uniform(0.05, 0.2)), 0, 1)
        ball += (self.pupil - ball) * np.clip((r.uniform(0.25, 0.55) - d) / max(2 * edge, 0.06), 0, 1)
        self.cover(opening, ball * shade)
        for _ in range(int(r.integers(0, 4))):  # reflections on the wet ball, most of them over the iris
            at = np.array([cx, cy]) + r.normal(0, 0.14 if r.uniform() < 0.8 else 0.4, 2)
            size = r.uniform(0.02, 0.12) * np.array([1.0, r.uniform(0.5, 1.6)])
            spot = np.exp(-((((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2) ** 2))
            self.cover(spot * opening, r.uniform(170, 300), r.uniform(0.3, 1.0))
        wet = self.strokes([self.lower[3:-3] - [0, 0.02]], 0.03, 0.5)  # the rim of the lower lid
        self.cover(wet, self.skin * lit * r.uniform(0.8, 1.4), r.uniform(0, 0.7))

    def _lashes(self) -> None:
        r = self.r
        dark = min(self.hair, self.skin * 0.5) * r.uniform(0.3, 1.0) * min(self.lit, 1.0)
        heavy = r.uniform(0.5, 1.0) if self.made_up else r.uniform(0.0, 0.6)
        soft = r.uniform(0, 0.025) * self.k
        closed = self.gap < 0.12
        band = self.strokes(
            [self.upper[1:-1] + np.array([0, r.uniform(-0.06, 0.1)])],
            r.uniform(0.08, 0.3),
            r.uniform(0.04, 0.12) * self.k,
        )
        self.cover(band, dark + 0.3 * (self.skin * self.lit - dark), r.uniform(0.1, 0.8))
        margin = self.upper[1:-1]
        line = 0.02 + 0.09 * heavy * r.uniform(0.5, 1)
        self.cover(
            self.strokes([margin], line, soft), dark, r.uniform(0.4, 0.95) if closed else r.uniform(0.3, 1)
        )
        if self.gap > 0.02:
            under = self.strokes([self.lower[2:-2]], r.uniform(0.015, 0.05), soft)
            self.cover(under, self.skin * self.lit * r.uniform(0.4, 0.9), r.uniform(0, 0.8))
        number = int(r.integers(8, 34) * (0.4 + heavy)) if r.uniform() < 0.9 else 0
        length = r.uniform(0.1, 0.35) * (0.7 + 0.6 * heavy)
        # Lashes of an open eye point up and out, those of a lowered lid down.
        hang = float(np.clip(1 - self.share * 1.6 + 0.6 * max(self.down, 0), 0, 1)) + r.normal(0, 0.1)
        lines = []
        for where in np.sort(r.uniform(-0.92, 0.98, number)):
            root = np.array([where, np.interp(where, T, self.upper[:, 1])])
            out = np.array([0.55 * where + 0.25 + r.normal(0, 0.15), -1.0 + 2.0 * hang])
            long = length * r.uniform(0.6, 1.2) * (0.6 + 0.4 * abs(where))
            bend = np.array([0, -0.25 if hang < 0.5 else -0.12])
            lines.append(np.array([root, root + long * 0.55 * (out - bend), root + long * (out + bend)]))
        if lines:
            self.cover(
                self.strokes(lines, r.uniform(0.008, 0.03) + 0.015 * heavy, soft), dark, r.uniform(0.3, 0.95)
            )
        if r.uniform() < 0.5:
            lines = []
            for where in r.uniform(-0.6, 0.95, int(r.integers(4, 16))):
                root = np.array([where, np.interp(where, T, self.lower[:, 1])])
                lines.append(np.array([root, root + length * 0.5 * np.array([0.4 * where, 0.8])]))
            self.cover(self.strokes(lines, 0.012, soft), dark, r.uniform(0.1, 0.7))

    def _brow(self) -> None:
        r = self.r
        if r.uniform() < 0.05:
            return
        thick = r.uniform(0.08, 0.3)
        dark = self.hair * r.uniform(0.6, 1.1) * min(self.lit, 1.1)
        t = np.linspace(0, 1, 9)
        x = -1.15 + r.uniform(-0.2, 0.1) + r.uniform(2.2, 2.8) * t
        middle = (
            self.brow_y
            - r.uniform(0.05, 0.35) * np.sin(math.pi * np.clip(t * 1.1, 0, 1))
            + r.normal(0, 0.12) * t
        )
        half = thick * (1 - 0.75 * t**2)
        outline = np.concatenate(
            (np.column_stack((x, middle - half)), np.column_stack((x, middle + half))[::-1])
        )
        self.cover(self.mask(outline, r.uniform(0.02, 0.08) * self.k), dark, r.uniform(0.1, 0.8))
        lines = []
        for share in r.uniform(0, 1, int(r.integers(20, 60))):
            at = np.array([np.interp(share, t, x), np.interp(share, t, middle + half * r.uniform(-0.8, 1.0))])
            slope = np.array([0.25 + 0.3 * share, -0.45 + 0.6 * share]) * r.uniform(0.4, 0.9)
            lines.append(np.array([at, at + slope * thick * 1.6]))
        self.cover(self.strokes(lines, r.uniform(0.015, 0.04)), dark, r.uniform(0.2, 0.9))

    def _glasses(self) -> None:
        r = self.r
        turn = np.linspace(0, 2 * math.pi, 25)
        power = r.uniform(0.4, 1.0)
        half = np.array([r.uniform(1.35, 2.1), r.uniform(0.85, 1.5)])
        middle = np.array([r.uniform(-0.2, 0.4), r.uniform(-0.25, 0.45)])
        cos, sin = np.cos(turn), np.sin(turn)
        ring = (
            np.column_stack((np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power)) * half
            + middle
        )
        inside = self.mask(ring)
        if r.uniform() < 0.4:  # tinted or dirty
            self.cover(inside, r.uniform(0, 120) if r.uniform() < 0.7 else 210.0, r.uniform(0, 0.35))
        if r.uniform() < 0.55:  # a window, a screen, a lamp in the lens
            for _ in range(int(r.integers(1, 3))):
                corner = middle + r.uniform(-1, 1, 2) * half
                size = r.uniform(0.1, 0.9, 2)
                lean = r.normal(0, 0.3)
                spot = corner + np.array(
                    [[0, 0], [size[0], lean], [size[0] + lean, size[1]], [lean, size[1]]]
                )
                pane = self.mask(spot, r.uniform(0, 0.2) * self.k) * inside
                self.cover(pane, r.uniform(110, 290), r.uniform(0.1, 0.75))
        frame = r.uniform(0.03, 0.22) if r.uniform() < 0.85 else 0.015
        dark = r.uniform(5, 90) if r.uniform() < 0.75 else r.uniform(20, 230)
        shadow = self.strokes([ring + np.array([0.03, r.uniform(0.05, 0.2)])], frame * 1.3, 0.05 * self.k)
        self.cover(shadow, self.skin * self.lit * 0.5, r.uniform(0, 0.5))
        rim = self.strokes([ring], frame)
        self.cover(rim, dark, r.uniform(0.6, 1.0))
        if r.uniform() < 0.5:
            glint = self.strokes([ring[3:9] - [0, 0.02]], frame * 0.3)
            self.cover(glint, 230.0, r.uniform(0.1, 0.8))

    def _hair(self) -> None:
        r = self.r
        lines = []
        start = np.array([r.uniform(-2.5, 2.5), -2.5])
        for _ in range(int(r.integers(1, 12))):
            begin = start + r.normal(0, 0.25, 2)
            lines.append(
                begin
                + np.column_stack((np.linspace(0, r.normal(0, 0.8), 6), np.linspace(0, r.uniform(1.5, 5), 6)))
            )
        self.cover(self.strokes(lines, r.uniform(0.015, 0.06)), self.hair * self.lit, r.uniform(0.4, 0.9))
