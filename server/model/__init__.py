"""The words of the house: values without behaviour that waits, asks or draws."""
