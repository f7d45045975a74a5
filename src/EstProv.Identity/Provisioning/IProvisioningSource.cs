using EstProv.Configuration.Identityd;
using EstProv.Platform;

namespace EstProv.Identity.Provisioning;

/// <summary>Where the device learns which hub it belongs to, and where what it shows of itself is proved.</summary>
internal interface IProvisioningSource
{
    ProvisioningSettings Settings { get; }

    /// <summary>Where that is, for messages: a URL, or words.</summary>
    string Place { get; }

    /// <summary>The common name that a certificate of the device is to have; null leaves it to certd.</summary>
    string? CommonName { get; }

    /// <summary>
    /// Whether a renewed certificate that is refused here is kept until somebody has made it known here. Else another one is asked for,
    /// once it is clear that it is at fault.
    /// </summary>
    bool KeepsRefused { get; }

    /// <summary>The device's name, under which it is shown.</summary>
    /// <exception cref="ProblemException"><c>no_registration_id</c>.</exception>
    string NameOf(ShownCredential shown);

    /// <summary>What is known without asking anybody; null where only the other side knows.</summary>
    Assignment? Known { get; }

    /// <summary>Shows the credential and reads an answer to it.</summary>
    /// <exception cref="ProblemException">
    /// With a code of <see cref="CloudCodes"/>, the Certificates Service's or the Key Service's.
    /// </exception>
    Task<Assignment> ProveAsync(ShownCredential shown, string name, CancellationToken cancel);
}
