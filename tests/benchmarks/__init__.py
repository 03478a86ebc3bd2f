"""Measurements that are printed and never asserted; pytest collects none of them."""
