using System.Text.Json;

namespace EstProv.Identity.Hub;

/// <summary>
/// The certificates that a module may show: the hub compares their SHA-256 and asks for no CA (<c>selfSigned</c>, whoever signed them).
/// </summary>
/// <param name="primary">SHA-256 in hex.</param>
/// <param name="secondary">Of another one that is accepted as well; null for none.</param>
internal sealed class ThumbprintAuthentication(string primary, string? secondary) : ModuleAuthentication
{
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("authentication"u8);
        json.WriteString("type"u8, "selfSigned"u8);
        json.WriteStartObject("x509Thumbprint"u8);
        json.WriteString("primaryThumbprint"u8, primary);
        if (secondary is not null) json.WriteString("secondaryThumbprint"u8, secondary);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public override void Dispose()
    {
        // Nothing of it is secret.
    }
}
