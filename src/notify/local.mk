# Layer notify: its library and its tests.
