"""Small filters in closed form: no matrix library, so that every machine gives the same bits."""

from __future__ import annotations

from collections import deque


class ConstantVelocity:
    """Kalman filter over a value and its rate, driven by white acceleration noise.

    density: of that noise, unit^2/s^3: the rate wanders by sqrt(density * t) in t seconds, whatever the rate
    of the measurements (Bar-Shalom 2001, 6.2.2). v is the rate; p_* the covariance.
    """

    __slots__ = ("_density", "p_v", "p_x", "p_xv", "v", "x")

    def __init__(
        self, x: float, variance_x: float, variance_v: float, density: float, v: float = 0.0
    ) -> None:
        self.x, self.v = x, v
        self.p_x, self.p_xv, self.p_v = variance_x, 0.0, variance_v
        self._density = density

    def predict(self, dt: float, acceleration: float = 0.0) -> None:
        """Go dt seconds on; acceleration: the known part of the change of the rate, unit/s^2."""
        change = acceleration * dt
        self.x += (self.v + 0.5 * change) * dt
        self.v += change
        noise = self._density * dt
        self.p_x += dt * (2.0 * self.p_xv + dt * self.p_v) + noise * dt * dt / 3.0
        self.p_xv += dt * self.p_v + noise * dt / 2.0
        self.p_v += noise

    def update(self, z: float, variance: float) -> float:
        """Take one measurement; returns the squared innovation in units of its expected variance."""
        total = self.p_x + variance
        innovation = z - self.x
        gain_x, gain_v = self.p_x / total, self.p_xv / total
        self.x += gain_x * innovation
        self.v += gain_v * innovation
        self.p_v -= gain_v * self.p_xv
        self.p_xv -= gain_x * self.p_xv
        self.p_x -= gain_x * self.p_x
        return innovation * innovation / total

    def scale(self, ratio: float) -> None:
        """The unit turned out to be `ratio` times as long: nothing moved."""
        self.x *= ratio
        self.v *= ratio


class Share:
    """How much of the last `window_ns` a condition held; whole nanoseconds, so that nothing drifts."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._parts: deque[tuple[int, int, bool]] = deque()
        self.known_ns = 0
        self.true_ns = 0

    def add(self, t_ns: int, lasted_ns: int, holds: bool | None) -> None:
        """Over the `lasted_ns` before t_ns it held, did not, or nobody knows (None)."""
        if holds is not None and lasted_ns > 0:
            self._parts.append((t_ns, lasted_ns, holds))
            self.known_ns += lasted_ns
            self.true_ns += lasted_ns if holds else 0
        oldest_ns = t_ns - self._window_ns
        while self._parts and self._parts[0][0] - self._parts[0][1] < oldest_ns:
            _, gone_ns, held = self._parts.popleft()
            self.known_ns -= gone_ns
            self.true_ns -= gone_ns if held else 0


class Episode:
    """How long a condition has lasted, when interruptions shorter than `bridge_ns` do not end it."""

    def __init__(self, bridge_ns: int) -> None:
        self._bridge_ns = bridge_ns
        self._since_ns: int | None = None
        self._held_ns = 0

    def add(self, t_ns: int, holds: bool | None) -> int | None:
        """The nanoseconds it has lasted at t_ns; None when it does not hold or has not been known to."""
        if holds:
            self._since_ns = t_ns if self._since_ns is None else self._since_ns
            self._held_ns = t_ns
        elif self._since_ns is not None and t_ns - self._held_ns >= self._bridge_ns:
            self._since_ns = None
        return None if self._since_ns is None else t_ns - self._since_ns
