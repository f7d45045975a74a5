using System.Security.Cryptography;
using EstProv.Certificates.Store;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates;

/// <summary><c>--check</c>: looks at every file that the configuration names, and says all that is wrong in one go.</summary>
internal static class CertificateCheck
{
    /// <returns>Whether all is well.</returns>
    public static bool Run(CertdConfiguration configuration, ILogger logger)
    {
        var isWell = true;
        var preloaded = new PreloadedCertificates(configuration, logger);
        foreach (var (id, file) in configuration.PreloadedFiles)
        {
            try
            {
                PemText.Parse(preloaded.ReadFile(id).Pem);
            }
            catch (ProblemException problem)
            {
                isWell = false;
                Console.Error.WriteLine(problem.ToTerminalText());
            }
            catch (CryptographicException)
            {
                isWell = false;
                Console.Error.WriteLine($"error: {file.Position}: certificate '{id}': {file.Value} holds a certificate that cannot be read");
            }
        }

        foreach (var password in PasswordFiles(configuration))
        {
            if (CanRead(password.Value)) continue;
            isWell = false;
            Console.Error.WriteLine($"error: {password.Position}: cannot read the password file {password.Value}");
        }

        return isWell;
    }

    private static IEnumerable<Positioned<string>> PasswordFiles(CertdConfiguration configuration)
    {
        if (configuration.Est?.PasswordFile is { } shared) yield return shared;
        foreach (var issuance in configuration.Issuance.Values)
        {
            if (issuance.Auth?.PasswordFile is { } own) yield return own;
        }
    }

    private static bool CanRead(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return true;
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
