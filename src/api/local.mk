# Layer api: its library and its tests.
