using EstProv.Certificates.Distrust;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Keys.Client;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Engine;

/// <summary>What the engine works with.</summary>
internal sealed record EngineParts
{
    public required CertdConfiguration Configuration { get; init; }

    public required CertificateStore Store { get; init; }

    public required PreloadedCertificates Preloaded { get; init; }

    public required IKeyClient Keys { get; init; }

    /// <summary>Null when nothing comes over EST.</summary>
    public IEstServers? Est { get; init; }

    public required BelievedClock Clock { get; init; }

    public required CertificateEvents Events { get; init; }

    /// <summary>Null where nothing can be distrusted.</summary>
    public DistrustList? Distrusted { get; init; }

    /// <summary>Null where no operator can bring a rescue.</summary>
    public RescueDesk? Rescue { get; init; }

    public Random Random { get; init; } = Random.Shared;

    /// <summary>Called between any two steps that change something outside of memory, with the step that was done; tests stop here.</summary>
    public Action<string>? Checkpoint { get; init; }

    public TimeProvider Time => Clock.TimeProvider;
}
