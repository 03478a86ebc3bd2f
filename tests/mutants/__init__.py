"""For each exercise, wrong answers with the diagnosis that each must get."""
