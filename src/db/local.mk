# Layer db: its library and its tests.
