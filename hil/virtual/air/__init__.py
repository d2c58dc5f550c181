"""The air between radios in virtual time, and the controllers at its ends.

Inside one `hil.virtual.clock.VirtualLoop` an `Air` has a channel, whose errors can be set while it
runs (`Air.packet_error_rate`, `Air.channel`), and controllers that advertise, scan and connect on
it; `link` keeps connection events in time. Who wants to know when a radio is on, a power model,
gives a ``sink(kind, start_ns, duration_ns, phy)``; `activity` says what the kinds are.
"""
