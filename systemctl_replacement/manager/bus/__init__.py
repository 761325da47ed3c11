"""The system bus, as far as units depend on it: BusName= (systemd.service(5)), and units that the bus starts."""
