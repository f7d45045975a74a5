using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Certificates.Store;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>The common names of our requests.</summary>
internal static class SubjectNames
{
    /// <summary>ub-common-name, RFC 5280 appendix A.1.</summary>
    private const int LongestCommonName = 64;

    public static X500DistinguishedName CommonName(string name)
    {
        if (name.Length is 0 or > LongestCommonName)
        {
            throw new ProblemException("bad_common_name", $"the common name '{name}' has {name.Length} characters; 1 to {LongestCommonName} are allowed",
                "set common_name, or registration_id in the Identity Service's configuration", 400);
        }

        var builder = new X500DistinguishedNameBuilder();
        builder.AddCommonName(name);
        return builder.Build();
    }

    /// <summary>The name of a device CA, which must differ from the device's own.</summary>
    public static string OfDeviceCa(string device)
    {
        const string Suffix = " device CA";
        return (device.Length + Suffix.Length > LongestCommonName ? device[..(LongestCommonName - Suffix.Length)] : device) + Suffix;
    }

    /// <summary>The first certificate's common name; null when it has none.</summary>
    public static string? Of(string pem)
    {
        try
        {
            var leaf = PemText.Parse(pem)[0];
            foreach (var part in leaf.SubjectName.EnumerateRelativeDistinguishedNames())
            {
                if (!part.HasMultipleElements && part.GetSingleElementType().Value == "2.5.4.3") return part.GetSingleElementValue();
            }

            return null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    public static string HostName()
    {
        var name = Environment.MachineName;
        return Encoding.UTF8.GetByteCount(name) is > 0 and <= LongestCommonName ? name : "device";
    }
}
