"""The order in which less is done, on a clock that the test makes itself."""

import numpy as np

from vseg.session.realtime.stage_costs import StageCosts
from vseg.session.realtime.update_plan import UpdatePlan, UpdatePlanner, short_sides


def seconds(plan: UpdatePlan, speed: float) -> tuple[float, float]:
    """What encoding and tracking take on a made-up machine."""
    cells = (plan.short_side or 384) ** 2 / 384**2
    track = 0.015 + 0.006 * plan.objects + 0.002 * plan.objects * plan.remember
    return speed * cells * 0.03, speed * cells * track


def run(
    order: UpdatePlanner, count: int, updates: int, speed: float = 1.0
) -> tuple[list[UpdatePlan], float]:
    """The plans, and the share of updates within the budget."""
    rng = np.random.default_rng(0)
    plans = []
    kept = 0
    for _ in range(updates):
        plan = order.plan(count, order.budget_s)
        noise = speed * float(rng.uniform(0.95, 1.05))
        encode, _ = seconds(plan, noise)
        plan = order.after_encoding(plan, order.budget_s - encode)
        _, track = seconds(plan, noise)
        order.note(plan, encode, track, encode + track)
        kept += encode + track <= order.budget_s
        plans.append(plan)
    return plans, kept / updates


def test_sizes_fall_to_the_least() -> None:
    assert short_sides(384, 192) == (384, 320, 272, 224, 192)
    assert short_sides(128, 128) == (128,)
    assert all(side % 16 == 0 for side in short_sides(1024, 64))


def test_with_time_for_everything_everything_is_done() -> None:
    plans, kept = run(UpdatePlanner(0.2, short_sides(384, 192)), 10, 300)
    assert set(plans) == {UpdatePlan(384, 10)}
    assert kept == 1


def test_first_the_short_side_is_reduced_and_no_more_than_needed() -> None:
    plans, kept = run(UpdatePlanner(0.06, short_sides(384, 192)), 3, 400)
    assert {plan.objects for plan in plans} == {3}
    assert all(plan.remember for plan in plans)
    assert plans[100].short_side == 320  # 0.069 s at 384, 0.048 s at 320
    assert kept > 0.97


def test_then_fewer_objects_are_decoded_then_memory_is_skipped() -> None:
    order = UpdatePlanner(0.025, short_sides(384, 192))
    plans, kept = run(order, 10, 400)
    # At 192 all of it would take 0.031 s; 6 objects take 0.023 s, 4 take 0.019 s.
    assert plans[200].short_side == 192
    assert 4 <= plans[200].objects <= 6
    assert plans[200].remember
    assert kept > 0.95
    plans, _ = run(UpdatePlanner(0.001, short_sides(384, 192)), 10, 60)
    assert plans[-1] == UpdatePlan(192, 1, remember=False)


def test_a_machine_that_becomes_free_is_used_again() -> None:
    order = UpdatePlanner(0.06, short_sides(384, 192))
    slow, _ = run(order, 3, 200, speed=3.0)
    assert slow[-1].short_side == 192
    fast, kept = run(order, 3, 3000, speed=0.5)
    assert fast[-1] == UpdatePlan(384, 3)
    assert kept > 0.97


def test_more_objects_are_planned_for_before_they_are_tracked() -> None:
    order = UpdatePlanner(0.08, short_sides(384, 192))
    run(order, 2, 60)
    run(order, 3, 60)
    plan = order.plan(10, 0.08)
    assert plan.short_side is not None
    assert plan.short_side < 384
    assert plan.objects == 10


def test_costs_are_split_between_the_frame_and_its_objects() -> None:
    costs = StageCosts()
    assert costs.encode_s(384) == costs.track_s(384, 5, 5) == 0
    for n in (1, 2, 4, 8, 1, 2, 4, 8):
        costs.note(384, 0.03, 0.015 + 0.006 * n, n, n)
    assert abs(costs.track_s(384, 16, 16) - (0.015 + 0.006 * 16)) < 0.002
    assert abs(costs.encode_s(192) - 0.03 / 4) < 1e-6
