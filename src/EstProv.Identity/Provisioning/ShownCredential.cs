using EstProv.Identity.Dps;
using EstProv.Platform.Time;

namespace EstProv.Identity.Provisioning;

/// <summary>What the device shows a server of itself: a certificate, or tokens of a symmetric key.</summary>
internal abstract class ShownCredential : IDisposable
{
    /// <summary>The certificate's or the key's id.</summary>
    public abstract string Id { get; }

    /// <summary>In words, with what tells it from others.</summary>
    public abstract string Description { get; }

    /// <summary>Makes a TLS client of it; null where no certificate is shown.</summary>
    /// <exception cref="Platform.ProblemException">The Key Service's or the OpenSSL provider's.</exception>
    public virtual OpenedIdentity? Open(IdentityOpener open, BelievedClock clock) => null;

    public abstract void Dispose();
}
