namespace EstProv.LocalApi.Server;

/// <summary>What one uid has open and in progress.</summary>
internal sealed class Caller(uint uid)
{
    /// <summary>Requests in progress; changed by interlocked operations.</summary>
    public int InProgress;

    /// <summary>Requests in progress that wait by design; changed by interlocked operations.</summary>
    public int Waiting;

    /// <summary>Threads that read, handle or answer for it, those that wait by design not counted; changed by interlocked operations.</summary>
    public int Workers;

    public uint Uid { get; } = uid;

    /// <summary>Guarded by the table.</summary>
    public int Connections { get; set; }

    /// <summary>Whether its being refused was logged already; again when it has closed all connections.</summary>
    public bool RefusalLogged { get; set; }
}
