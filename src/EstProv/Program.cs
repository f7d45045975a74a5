using EstProv;

// One file on disk plays every role: by the name that it is called by (a link), or by its first argument.
var (role, arguments) = Role.Of(CalledAs.Name(), args);
return role switch
{
    "keyd" => Daemon.Run("keyd", arguments, EstProv.Keys.KeyDaemon.Run),
    "certd" => Daemon.Run("certd", arguments, EstProv.Certificates.CertificateDaemon.Run),
    "identityd" => Daemon.Run("identityd", arguments, EstProv.Identity.IdentityDaemon.Run),
    _ => EstProv.Cli.OperatorCommand.Run(arguments, Console.Out, Console.Error, BuildInformation.Version,
        DateTimeOffset.FromUnixTimeSeconds(BuildInformation.EpochSeconds)),
};
