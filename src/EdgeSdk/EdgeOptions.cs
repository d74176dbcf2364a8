using System.ComponentModel.DataAnnotations;
using EdgeSdk.Remote;

namespace EdgeSdk;

/// <summary>What an <see cref="EdgeChatClient"/> runs. Configuration section <c>EdgeSdk</c>.</summary>
public sealed class EdgeOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "EdgeSdk";

    /// <summary>The folder of the device's model; null: the client is a remote one.</summary>
    public string? Model { get; set; }

    /// <summary>The server; without an address the client is a local one.</summary>
    public EdgeRemoteOptions Server { get; set; } = new();

    /// <summary>Who writes, unless a request says otherwise (<see cref="EdgeChatExtensions.WithRoute"/>).</summary>
    public EdgeRoute Route { get; set; } = EdgeRoute.Auto;

    /// <summary>Processor threads of the device's model, 0 to 256; 0 takes one for each processor, at most 8.</summary>
    [Range(0, 256)]
    public int Threads { get; set; }

    /// <summary>The output limit of a request that sets none, tokens.</summary>
    [Range(1, int.MaxValue)]
    public int MaxOutputTokens { get; set; } = 512;

    /// <summary>Conversations whose text the device keeps computed, so that their next turn pays only for what is new; 0 to 64.</summary>
    [Range(0, 64)]
    public int KeptConversations { get; set; } = 4;
}

/// <summary>Where the server is.</summary>
public sealed class EdgeRemoteOptions
{
    /// <summary><c>https://host:port</c>; <c>http://</c> for a server on this machine. Null: no server.</summary>
    public Uri? Address { get; set; }

    /// <summary>A file whose content is the bearer token; read when the client loads. Null: no token.</summary>
    public string? TokenFile { get; set; }

    /// <summary>The bearer token, for an application that keeps its secrets itself; prefer <see cref="TokenFile"/>.</summary>
    public string? Token { get; set; }

    /// <summary>The token, from its file where one is named; null for none.</summary>
    internal string? ReadToken() => TokenFile is { } file ? BearerTokenFile.Read(file, "EdgeSdk:Server:TokenFile") : Token;

    /// <summary>The address; the token stays hidden.</summary>
    public override string ToString() => Address?.ToString() ?? "(none)";
}
