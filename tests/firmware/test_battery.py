"""State of charge from a voltage."""

from eegrig.boards import load_board, load_part


def percent(micropython, millivolts):
    return micropython("[power.percent(mv) for mv in {}]", list(millivolts))


def test_an_empty_cell_has_0_and_a_full_one_100_percent(micropython):
    assert percent(micropython, [0, 2500, 3270, 4200, 4350]) == [0, 0, 0, 100, 100]


def test_more_voltage_is_never_less_charge_and_every_percent_can_be_shown(micropython):
    shown = percent(micropython, range(3000, 4300))
    assert shown == sorted(shown)
    assert set(shown) == set(range(101))


def test_the_points_of_the_cells_curve_are_hit_and_between_them_it_is_2_percent_off_at_most(
    micropython,
):
    curve = load_part(load_board("headband8").battery.part).curve("open_circuit")
    millivolts = [round(volts * 1000) for volts in curve.y_si]
    charge = [100 * fraction for fraction in curve.x_si]
    shown = percent(micropython, millivolts)
    assert shown[::2] == [round(c) for c in charge[::2]]
    # Below 10 % the curve is bent, and a cell that far down is nearly empty either way.
    assert all(abs(s - c) <= 2.5 for s, c in zip(shown[2:], charge[2:], strict=True))


def test_the_gauge_undoes_the_divider(micropython):
    code = "power.Battery(type('Adc', (), dict(read_uv=lambda self: {}))(), 2).look()"
    assert micropython(code, 3_840_000 // 2) == 50
