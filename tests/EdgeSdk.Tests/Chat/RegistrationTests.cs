using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace EdgeSdk.Tests.Chat;

public class RegistrationTests
{
    private static readonly string s_model = Assets.Data("genai/qwen2-fp32");

    [Fact]
    public void Registration_returns_the_pipelines_builder_and_one_client()
    {
        var services = new ServiceCollection();
        ChatClientBuilder builder = services.AddEdgeChatClient(o => o.Model = s_model);
        builder.UseFunctionInvocation();
        using var provider = services.BuildServiceProvider();

        var client = provider.GetRequiredService<IChatClient>();

        Assert.Same(client, provider.GetRequiredService<IChatClient>());
        Assert.NotNull(client.GetService<FunctionInvokingChatClient>());
        Assert.Equal(s_model, client.GetService<EdgeOptions>()!.Model);
    }

    [Fact]
    public void Clients_under_keys_have_options_of_their_own()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(Configuration(("EdgeSdk:fast:Model", s_model), ("EdgeSdk:fast:MaxOutputTokens", "9")));
        services.AddKeyedEdgeChatClient("fast");
        services.AddKeyedEdgeChatClient("far", o => o.Server.Address = new("http://127.0.0.1:1"));
        using var provider = services.BuildServiceProvider();

        Assert.Equal(9, provider.GetRequiredKeyedService<IChatClient>("fast").GetService<EdgeOptions>()!.MaxOutputTokens);
        Assert.Null(provider.GetRequiredKeyedService<IChatClient>("far").GetService<EdgeOptions>()!.Model);
    }

    [Fact]
    public void Configuration_is_bound_and_code_has_the_last_word()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(Configuration(
            ("EdgeSdk:Model", s_model), ("EdgeSdk:Route", "Device"), ("EdgeSdk:Threads", "2"), ("EdgeSdk:Server:Address", "http://127.0.0.1:5005")));
        services.AddEdgeChatClient(o => o.Threads = 1);
        using var provider = services.BuildServiceProvider();

        var options = provider.GetRequiredService<IOptions<EdgeOptions>>().Value;

        Assert.Equal((s_model, EdgeRoute.Device, 1, new Uri("http://127.0.0.1:5005")), (options.Model, options.Route, options.Threads, options.Server.Address));
    }

    [Fact]
    public void A_host_takes_the_servers_address_from_a_connection_string()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:models", "http://127.0.0.1:5005")]);
        builder.AddEdgeChatClient("models");
        using var host = builder.Build();

        Assert.Equal(new Uri("http://127.0.0.1:5005"), host.Services.GetRequiredService<IOptions<EdgeOptions>>().Value.Server.Address);
    }

    public static TheoryData<string, string, string> Wrong => new()
    {
        { "EdgeSdk:Model", "no-such-folder", "EdgeSdk:Model" },
        { "EdgeSdk:Threads", "-1", "Threads" },
        { "EdgeSdk:MaxOutputTokens", "0", "MaxOutputTokens" },
        { "EdgeSdk:Server:Address", "ftp://x", "EdgeSdk:Server:Address" },
        { "EdgeSdk:Server:TokenFile", "no-such-file", "EdgeSdk:Server:TokenFile" },
        { "EdgeSdk:Route", "Together", "EdgeSdk:Route" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Options_are_validated_at_start_and_the_message_names_the_key(string key, string value, string named)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection([new("EdgeSdk:Model", s_model)]);
        builder.Configuration.AddInMemoryCollection([new(key, value)]);
        builder.Services.AddEdgeChatClient();
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_injection_the_same_rules_hold()
    {
        Assert.Contains("EdgeSdk:Model", Assert.Throws<EdgeException>(() => new EdgeChatClient(new EdgeOptions())).Message, StringComparison.Ordinal);
        Assert.Contains("no-such-folder", Assert.Throws<EdgeException>(() => new EdgeChatClient("no-such-folder")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_stays_hidden() =>
        Assert.DoesNotContain("secret", new EdgeRemoteOptions { Token = "secret", Address = new("http://127.0.0.1") }.ToString(), StringComparison.Ordinal);

    private static IConfiguration Configuration(params (string Key, string Value)[] values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>(v.Key, v.Value))).Build();
}
