# Layer http: its library and its tests.
