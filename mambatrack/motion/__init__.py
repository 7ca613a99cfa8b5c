"""Motion models behind one protocol, their forecasts and their export."""
