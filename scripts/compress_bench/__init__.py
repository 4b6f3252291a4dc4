"""What ``bench_compress.py`` trains, masks and times."""
