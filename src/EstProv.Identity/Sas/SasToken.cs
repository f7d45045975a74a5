using System.Globalization;
using System.Text;

namespace EstProv.Identity.Sas;

/// <summary>
/// The token by which a symmetric key shows itself to IoT Hub and DPS: <c>SharedAccessSignature
/// sr=RESOURCE&amp;sig=SIGNATURE&amp;se=EXPIRY[&amp;skn=NAME]</c>, where the signature is the HMAC-SHA256 of the resource as it stands
/// there, a line feed and the expiry in seconds since 1970. (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas)
/// </summary>
internal static class SasToken
{
    /// <param name="resource">Not yet escaped, such as <c>HUB/devices/DEVICE</c> or <c>SCOPE/registrations/ID</c>.</param>
    /// <param name="expiry">The end, rounded down to seconds.</param>
    /// <param name="hmacSha256">HMAC-SHA256 of a message by the key, wherever that is.</param>
    /// <param name="keyName"><c>skn</c>, which DPS wants to be <c>registration</c>.</param>
    public static string Make(string resource, DateTimeOffset expiry, Func<byte[], byte[]> hmacSha256, string? keyName = null)
    {
        var sr = Uri.EscapeDataString(resource);
        var se = expiry.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var sig = Uri.EscapeDataString(Convert.ToBase64String(hmacSha256(Encoding.UTF8.GetBytes(sr + "\n" + se))));
        var token = $"SharedAccessSignature sr={sr}&sig={sig}&se={se}";
        return keyName is null ? token : $"{token}&skn={keyName}";
    }
}
