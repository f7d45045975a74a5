namespace EstProv.Simulator;

public enum SimulatorService
{
    Est,
    Dps,
    Hub,
}
