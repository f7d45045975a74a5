namespace EstProv.Configuration.Certd;

/// <summary>When a certificate is renewed: the table <c>renewal</c> of the EST identity or of a certificate id. What is null is left to the default.</summary>
public sealed record RenewalSettings
{
    /// <summary>Where the window begins: a share of the life, or a time before expiry.</summary>
    public LifetimeSpan? From { get; init; }

    /// <summary>Where it ends.</summary>
    public LifetimeSpan? Until { get; init; }

    /// <summary>The longest gap between two tries: a share of the life, or a time.</summary>
    public LifetimeSpan? Retry { get; init; }

    /// <summary>A new key with each renewal; default true.</summary>
    public bool RotateKey { get; init; } = true;
}
