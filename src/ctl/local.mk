# Layer ctl: its library and its tests.
