namespace EstProv.Simulator.Est;

/// <summary>How the EST server behaves: labels, authentication, and the habits of real servers that trip clients.</summary>
public sealed record EstOptions
{
    /// <summary>Labels and their profiles; the key <c>default</c> is the path without a label.</summary>
    public IReadOnlyDictionary<string, EstLabel> Labels { get; init; } = DefaultLabels;

    /// <summary>Every label issues by this profile, whatever it is called, as servers with one profile only do; null = each its own.</summary>
    public EstProfile? SingleProfile { get; init; }

    /// <summary>User to password of HTTP Basic or Digest; empty = neither is offered.</summary>
    public IReadOnlyDictionary<string, string> BasicUsers { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>How passwords are asked for.</summary>
    public EstPasswordScheme PasswordScheme { get; init; }

    /// <summary>What a client must show to enrol; Basic only counts where there are users.</summary>
    public EstRequirement Require { get; init; } = EstRequirement.Either;

    /// <summary>The issuing CA follows the leaf in an enrolment's answer. GlobalSign and libest send the leaf alone.</summary>
    public bool SendChain { get; init; }

    /// <summary>The issued common name must be the client certificate's, or start with it and a dash.</summary>
    public bool BindSubject { get; init; }

    public EstQuirks Quirks { get; init; } = new();

    public static IReadOnlyDictionary<string, EstLabel> DefaultLabels { get; } = new Dictionary<string, EstLabel>(StringComparer.Ordinal)
    {
        ["default"] = new() { Profile = EstProfile.Client, Bootstrap = true },
        ["est-id"] = new() { Profile = EstProfile.Client, Issuer = EstIssuerName.Identity, Bootstrap = true },
        ["device-id"] = new() { Profile = EstProfile.Client },
        ["device-ca"] = new() { Profile = EstProfile.Ca },
        ["module-id"] = new() { Profile = EstProfile.Client },
        ["module-server"] = new() { Profile = EstProfile.Server, Issuer = EstIssuerName.Identity },
    };
}

/// <summary>One endpoint of the EST server.</summary>
public sealed record EstLabel
{
    public required EstProfile Profile { get; init; }

    public EstIssuerName Issuer { get; init; } = EstIssuerName.DeviceIdentity;

    /// <summary>A bootstrap certificate may enrol here. Elsewhere only an EST identity may: one issued by a label that admits bootstrap.</summary>
    public bool Bootstrap { get; init; }

    /// <summary>Validity in seconds; null = the simulator's.</summary>
    public long? Validity { get; init; }

    /// <summary>DER of CsrAttrs (RFC 7030 section 4.5.2, RFC 9908), base64; null = 204.</summary>
    public string? CsrAttributes { get; init; }
}

/// <summary>What a label issues, whatever the request asks.</summary>
public enum EstProfile
{
    /// <summary>End entity for TLS client authentication.</summary>
    Client,

    /// <summary>CA with path length 0.</summary>
    Ca,

    /// <summary>End entity for TLS server authentication.</summary>
    Server,
}

public enum EstIssuerName
{
    /// <summary>The CA that DPS has enrolled.</summary>
    DeviceIdentity,

    /// <summary>The CA of EST identities and servers, which DPS does not know.</summary>
    Identity,
}

public enum EstRequirement
{
    Either,
    Certificate,
    Basic,
    Both,
}
