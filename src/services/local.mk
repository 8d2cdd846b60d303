# Layer services: its library and its tests.
