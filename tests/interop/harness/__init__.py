"""What every test here needs: our programs, started and ended; addresses; keys; wires."""
