"""Networks: named profiles, and the shaping link that behaves like one."""
