using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using EstProv.Configuration.Certd;

namespace EstProv.Certificates.Distrust;

/// <summary>A CA that is trusted no more.</summary>
/// <param name="Since">From when on, by the believed clock.</param>
/// <param name="Over">How long the replacing of what is under it may take.</param>
/// <param name="Configured">It stands in the configuration, and goes from there only.</param>
/// <param name="Settled">False while <paramref name="Since"/> is a clock's floor and not a time that was believed.</param>
internal sealed record DistrustEntry(IssuerName Name, DateTimeOffset Since, TimeSpan Over, bool Configured, bool Settled)
{
    /// <summary>When a certificate's turn is: its own point, drawn from its key, so that it is the same after a restart and another one on each device.</summary>
    /// <param name="spki">SHA-256 of the certificate's SubjectPublicKeyInfo, base64url.</param>
    public DateTimeOffset TurnOf(string spki) => Since + Over * Share($"{Name} {spki}");

    /// <summary>A number in [0, 1) that looks random and depends on the text alone.</summary>
    public static double Share(string text) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) >> 11) * (1.0 / (1UL << 53));
}
