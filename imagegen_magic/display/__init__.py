"""What people see of the whole: the display slot, reports, tables of money, the doctor."""
