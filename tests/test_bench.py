"""Budgets: the numbers that must hold are read from one file and judged the right way round."""

import json

import pytest

from edge.cli.main import main
from edge.runtime.bench import Budget, Figure, judge, read_budgets
from edge.runtime.quantile import quantile


def test_every_budget_has_exactly_one_goal():
    for figures in read_budgets().values():
        for name, budget in figures.items():
            assert (budget.at_most is None) != (budget.at_least is None), name


def test_a_figure_at_its_goal_is_met_and_one_beyond_is_not():
    lateness = Budget(title="lateness", unit="ms", at_most=1.0)
    speed = Budget(title="speed", unit="x", at_least=100.0)
    assert judge(lateness, Figure("lateness", 1.0, "ms"))["met"] is True
    assert judge(lateness, Figure("lateness", 1.1, "ms"))["met"] is False
    assert judge(speed, Figure("speed", 99.0, "x"))["met"] is False
    assert judge(None, Figure("beside", 3.0, "ms"))["met"] is None


def test_quantiles_of_a_known_list():
    values = [float(n) for n in range(100, 0, -1)]
    assert quantile(values, 0.0) == 1.0
    assert quantile(values, 0.5) == pytest.approx(50.5, abs=1)
    assert quantile(values, 0.99) == pytest.approx(99.5, abs=1)


def test_bench_reports_value_unit_goal_and_met_and_exits_1_when_a_goal_is_missed(monkeypatch, capsys):
    measured = {name: Figure(b.title, 0.0, b.unit) for name, b in read_budgets()["loop"].items()}
    monkeypatch.setattr("edge.runtime.bench_loop.measure", lambda seconds, say: measured)
    assert main(["bench", "loop", "--json"]) == 1  # 0 is below what core_speed must reach
    report = json.loads(capsys.readouterr().out)
    assert set(report) == set(read_budgets()["loop"])
    assert report["core_speed"] == {"value": 0.0, "unit": "x", "goal": "at least 100", "met": False}
    assert report["help"]["met"] is True


def test_a_figure_that_was_not_measured_is_not_met(monkeypatch, capsys):
    monkeypatch.setattr("edge.runtime.bench_loop.measure", lambda seconds, say: {})
    assert main(["bench", "loop", "--json"]) == 1
    assert all(row["met"] is False for row in json.loads(capsys.readouterr().out).values())


def test_bench_v2x_takes_its_parts_seconds_and_judges_what_was_measured(monkeypatch, capsys):
    asked = []

    def measured(only, seconds, say):
        asked.append((only, seconds))
        return {"import_ms": Figure("importing", 100.0, "ms"), "beside": Figure("beside", 1.0, "")}

    monkeypatch.setattr("edge.runtime.bench_v2x.measure_v2x", measured)
    assert main(["bench", "v2x", "--only", "import", "--seconds", "600", "--json"]) == 0
    assert asked == [(["import"], 600.0)]
    report = json.loads(capsys.readouterr().out)
    assert report["import_ms"]["met"] is True
    assert report["beside"]["met"] is None
    assert main(["bench", "v2x", "--json"]) == 1  # the others have not been measured
