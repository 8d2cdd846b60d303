# Layer gateway: its library and its tests.
