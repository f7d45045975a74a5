namespace EstProv.Simulator.Dps;

/// <summary>What a further registration does (learn.microsoft.com/azure/iot-dps/concepts-device-reprovision).</summary>
public enum ReprovisionPolicy
{
    /// <summary>The device may move to another hub and takes its state along; the default of new enrolments.</summary>
    Migrate,

    /// <summary>The device may move to another hub and begins with the enrolment's state.</summary>
    Reset,

    /// <summary>The device stays where it was assigned first, and its hub is told nothing.</summary>
    Never,
}
