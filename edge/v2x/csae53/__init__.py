"""China: the messages of T/CSAE 53-2020 and YD/T 3709-2020."""
