using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>What is known of the bootstrap identity that an EST identity is got with.</summary>
/// <param name="identity">Id of the EST identity.</param>
internal sealed class BootstrapJudgement(string identity)
{
    public string Identity => identity;

    /// <summary>Null where none is configured.</summary>
    public string? CertificateId { get; set; }

    public string? KeyId { get; set; }

    /// <summary>Null where its certificate cannot be read.</summary>
    public string? Subject { get; set; }

    public DateTimeOffset NotBefore { get; set; }

    public DateTimeOffset NotAfter { get; set; }

    /// <summary>Expired, by a clock that is believed.</summary>
    public bool IsOver { get; set; }

    /// <summary>Not valid yet, by a clock that is believed.</summary>
    public bool IsEarly { get; set; }

    /// <summary>Its certificate cannot be read, or keyd does not have its key, or does not say so.</summary>
    public ProblemException? Problem { get; set; }
}
