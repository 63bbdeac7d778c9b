"""The output folder: names reserved, files published, the history, what a killed process left."""
