namespace EstProv.Identity.Provisioning;

/// <summary>What the device shows a server of itself: a certificate, or tokens of a symmetric key.</summary>
internal abstract class ShownCredential : IDisposable
{
    /// <summary>The certificate's or the key's id.</summary>
    public abstract string Id { get; }

    /// <summary>In words, with what tells it from others.</summary>
    public abstract string Description { get; }

    public abstract void Dispose();
}
