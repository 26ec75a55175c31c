"""Daybook itself: what is measured in rounds beside the peers (`cases`), and the studies that are made once (`run`)."""
