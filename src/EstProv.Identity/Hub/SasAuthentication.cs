using System.Security.Cryptography;
using System.Text.Json;

namespace EstProv.Identity.Hub;

/// <summary>The two symmetric keys by which a module's SAS tokens are verified. Zeroed when given up.</summary>
internal sealed class SasAuthentication(byte[] primary, byte[] secondary) : ModuleAuthentication
{
    public override void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("authentication"u8);
        json.WriteString("type"u8, "sas"u8);
        json.WriteStartObject("symmetricKey"u8);
        json.WriteBase64String("primaryKey"u8, primary);
        json.WriteBase64String("secondaryKey"u8, secondary);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public override void Dispose()
    {
        CryptographicOperations.ZeroMemory(primary);
        CryptographicOperations.ZeroMemory(secondary);
    }
}
