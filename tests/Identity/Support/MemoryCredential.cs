using System.Security.Cryptography.X509Certificates;

namespace EstProv.Identity.Tests.Support;

/// <summary>A module's certificates in <see cref="MemoryCertd"/>, with their keys.</summary>
internal sealed class MemoryCredential
{
    public X509Certificate2? Current { get; set; }

    public X509Certificate2? Staged { get; set; }

    /// <summary>How often it was asked for.</summary>
    public int Asked { get; set; }
}
