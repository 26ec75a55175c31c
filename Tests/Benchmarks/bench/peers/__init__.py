"""The peers, one a module: each gives its `cases`, its servers started."""
