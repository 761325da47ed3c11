"""What units print: record format, writer, rotation, reader."""
