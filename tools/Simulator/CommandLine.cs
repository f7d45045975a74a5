using System.Globalization;
using System.Text.Json;
using EstProv.Simulator.Est;

namespace EstProv.Simulator;

/// <summary>Options as <c>--name value</c> or <c>--name=value</c>; each is taken once, what is left over is an error.</summary>
internal sealed class CommandLine(IEnumerable<string> arguments)
{
    public const string Help = """
        estprov-simulator --data DIR [options]      serves EST, DPS and IoT Hub until SIGTERM
        estprov-simulator --data DIR --init         makes the PKI only
        estprov-simulator sign-bootstrap --data DIR --csr FILE --out FILE [--days N]
        estprov-simulator issue-est-id   --data DIR --csr FILE --out FILE [--days N] [--leaf-only]

        --bind ADDRESS            default 127.0.0.1
        --port N                  one port for all three, told apart by TLS server name
        --est-port N --dps-port N --hub-port N --control-port N      0 or absent = any; DIR/ports.json tells
        --est-host NAME           default estendpoint.com
        --dps-host NAME           default global.azure-devices-provisioning.net
        --hub-host NAME           may come several times; default estprov-hub.azure-devices.net
        --gateway-host NAME       may come several times; reaches the hubs, and DPS by the path
        --assigned-hub NAME|auto  what DPS answers; auto = localhost with the hub's port
        --hub-authentication thumbprint|ca
        --scope-id ID --assigning-polls N --retry-after SECONDS
        --validity SECONDS        of issued certificates
        --key-type ec|rsa         of the simulator's own CAs and servers
        --single-profile client|ca|server
        --basic USER:FILE         user and the file of his password; may come several times
        --password-scheme basic|digest|digestsha256
        --require either|certificate|basic|both
        --send-chain              issuing CA behind the leaf in enrolment answers
        --bind-subject            common name asked must be the client's
        --quirks globalsign|libest|opencertserver
        --options FILE            JSON of all this and of labels and quirks; the command line wins
        """;

    private readonly List<string> _left = [.. arguments];

    public bool Flag(string name) => _left.Remove(name);

    public string? Value(string name)
    {
        for (var i = 0; i < _left.Count; i++)
        {
            if (_left[i].StartsWith(name + "=", StringComparison.Ordinal))
            {
                var value = _left[i][(name.Length + 1)..];
                _left.RemoveAt(i);
                return value;
            }

            if (_left[i] == name)
            {
                if (i + 1 >= _left.Count)
                {
                    throw new CommandLineException(name + " takes a value");
                }

                var value = _left[i + 1];
                _left.RemoveRange(i, 2);
                return value;
            }
        }

        return null;
    }

    public List<string> Values(string name)
    {
        var values = new List<string>();
        while (Value(name) is { } value)
        {
            values.Add(value);
        }

        return values;
    }

    public int? Number(string name)
    {
        if (Value(name) is not { } text)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new CommandLineException($"{name}: {text} is no whole number");
    }

    public KeyKind KeyKind() => Choice<KeyKind>("--key-type") ?? Simulator.KeyKind.Ec;

    public void End()
    {
        if (_left.Count > 0)
        {
            throw new CommandLineException("unknown: " + string.Join(' ', _left));
        }
    }

    public SimulatorOptions Options()
    {
        var data = Value("--data");
        var options = FromFile(Value("--options"), data);
        var est = options.Est;
        var users = est.BasicUsers.ToDictionary(StringComparer.Ordinal);
        foreach (var pair in Values("--basic"))
        {
            var (user, file) = pair.Split(':', 2) is [var u, var f] ? (u, f) : throw new CommandLineException("--basic USER:FILE");
            users[user] = File.Exists(file) ? File.ReadAllText(file).TrimEnd('\r', '\n') : throw new CommandLineException($"{file}: no such file");
        }

        var hubs = Values("--hub-host");
        var gateways = Values("--gateway-host");
        est = est with
        {
            BasicUsers = users,
            PasswordScheme = Choice<EstPasswordScheme>("--password-scheme") ?? est.PasswordScheme,
            Require = Choice<EstRequirement>("--require") ?? est.Require,
            SingleProfile = Choice<EstProfile>("--single-profile") ?? est.SingleProfile,
            SendChain = Flag("--send-chain") || est.SendChain,
            BindSubject = Flag("--bind-subject") || est.BindSubject,
            Quirks = Quirks() ?? est.Quirks,
        };
        return options with
        {
            Bind = Value("--bind") ?? options.Bind,
            Port = Number("--port") ?? options.Port,
            EstPort = Number("--est-port") ?? options.EstPort,
            DpsPort = Number("--dps-port") ?? options.DpsPort,
            HubPort = Number("--hub-port") ?? options.HubPort,
            ControlPort = Number("--control-port") ?? options.ControlPort,
            EstHost = Value("--est-host") ?? options.EstHost,
            DpsHost = Value("--dps-host") ?? options.DpsHost,
            HubHosts = hubs.Count > 0 ? hubs : options.HubHosts,
            GatewayHosts = gateways.Count > 0 ? gateways : options.GatewayHosts,
            AssignedHub = Value("--assigned-hub") ?? options.AssignedHub,
            HubAuthentication = Choice<HubAuthentication>("--hub-authentication") ?? options.HubAuthentication,
            ScopeId = Value("--scope-id") ?? options.ScopeId,
            AssigningPolls = Number("--assigning-polls") ?? options.AssigningPolls,
            RetryAfter = Number("--retry-after") ?? options.RetryAfter,
            Validity = Number("--validity") ?? options.Validity,
            KeyKind = Choice<KeyKind>("--key-type") ?? options.KeyKind,
            Est = est,
        };
    }

    private static SimulatorOptions FromFile(string? file, string? data)
    {
        if (file is null)
        {
            return new SimulatorOptions { Data = data ?? throw new CommandLineException("--data DIR is due") };
        }

        try
        {
            using var stream = File.OpenRead(file);
            var json = System.Text.Json.Nodes.JsonNode.Parse(stream, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (data is not null)
            {
                json!["data"] = data;
            }

            return json.Deserialize<SimulatorOptions>(StateFile.Json) ?? throw new CommandLineException($"{file}: a JSON object is due");
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            throw new CommandLineException($"{file}: {e.Message}", e);
        }
    }

    private EstQuirks? Quirks() => Value("--quirks") switch
    {
        null => null,
        "globalsign" => EstQuirks.GlobalSign,
        "libest" => EstQuirks.LibEst,
        "opencertserver" => EstQuirks.OpenCertServer,
        var other => throw new CommandLineException($"--quirks: {other} is none of globalsign, libest, opencertserver"),
    };

    private T? Choice<T>(string name)
        where T : struct, Enum
    {
        if (Value(name) is not { } text)
        {
            return null;
        }

        foreach (var value in Enum.GetValues<T>())
        {
            if (value.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        throw new CommandLineException($"{name}: {text} is none of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");
    }
}

/// <summary>A mistake on the command line; the message is for the user.</summary>
internal sealed class CommandLineException(string message, Exception? inner = null) : Exception(message, inner);
