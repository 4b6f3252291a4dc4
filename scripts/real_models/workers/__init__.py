"""What runs in tool environments: training and exporting."""
