// The unmodified openvidu-node-client through every call it has. A page called con_ann is in session S and publishes.
// node node.js URL
const assert = require('node:assert/strict');
const { OpenVidu, OpenViduRole, Recording, RecordingMode, MediaMode, VideoCodec, ConnectionType } = require('openvidu-node-client');

const url = process.argv[2];
const server = new OpenVidu(url, 'MY_SECRET');
server.enableProdMode();

/** The status that a call is refused with: the client has it as the error's text. */
const refused = (call) => call.then(() => 'taken', (error) => error.message);

async function sessions() {
    const made = await server.createSession();
    assert.match(made.sessionId, /^ses_[A-Z][A-Za-z0-9]{9}$/);
    const properties = {
        customSessionId: 'named', mediaMode: MediaMode.RELAYED, recordingMode: RecordingMode.MANUAL,
        forcedVideoCodec: VideoCodec.H264, allowTranscoding: true,
        defaultRecordingProperties: { outputMode: Recording.OutputMode.INDIVIDUAL, name: 'mine' },
    };
    const named = await server.createSession(properties);
    assert.equal((await server.createSession({ customSessionId: 'named' })).sessionId, 'named', 'there is one: it is used');
    assert.equal(named.properties.forcedVideoCodec, 'H264');
    assert.equal(named.properties.defaultRecordingProperties.outputMode, 'INDIVIDUAL');
    assert.equal(await refused(server.createSession({ customSessionId: 'a b' })), '400');
    assert.equal(await refused(server.startRecording('named')), '409', 'RELAYED is not recorded');
    await server.fetch();
    // One that was asked for twice is there twice: the client's own doing.
    const there = new Set(server.activeSessions.map((one) => one.sessionId));
    assert.deepEqual(there, new Set(['S', 'named', made.sessionId]));
    await named.close();
    await made.close();
    assert.equal(await refused(made.close()), '404');
    assert.equal(await refused(made.fetch()), '404');
    assert.equal(await refused(new OpenVidu(url, 'WRONG').fetch()), '401');
}

async function connections(session) {
    const kurentoOptions = { videoMaxRecvBandwidth: 1000, videoMinRecvBandwidth: 300, allowedFilters: ['GStreamerFilter'] };
    const made = await session.createConnection({
        type: ConnectionType.WEBRTC, role: OpenViduRole.MODERATOR, data: 'server', record: false, kurentoOptions,
        customIceServers: [{ url: 'turn:127.0.0.1:3478', username: 'u', credential: 'c' }],
    });
    assert.match(made.token, /^ws:\/\/127\.0\.0\.1:\d+\?sessionId=S&token=tok_[A-Z][A-Za-z0-9]{15}$/);
    assert.deepEqual([made.status, made.role, made.serverData, made.connectionProperties.record], ['pending', 'MODERATOR', 'server', false]);
    assert.equal(made.connectionProperties.kurentoOptions.videoMaxRecvBandwidth, 1000);
    assert.match(await session.generateToken({ role: OpenViduRole.SUBSCRIBER, data: 'old' }), /token=tok_/);
    const changed = await session.updateConnection(made.connectionId, { role: OpenViduRole.SUBSCRIBER, record: true });
    assert.deepEqual([changed.connectionProperties.role, changed.connectionProperties.record], ['SUBSCRIBER', true]);
    assert.equal(await refused(session.createConnection({ role: 'KING' })), '400');
    await session.fetch();
    assert.equal(session.connections.length, 3);
    assert.deepEqual(session.activeConnections.map((one) => one.connectionId), ['con_ann']);
    await session.forceDisconnect(made);
    assert.equal(await refused(session.forceDisconnect(made)), '404');
    assert.equal(session.connections.length, 2);
}

async function camera(session) {
    const made = await session.createConnection({
        type: ConnectionType.IPCAM, rtspUri: 'rtsp://127.0.0.1:9/cam', data: 'door', onlyPlayWithSubscribers: true,
        adaptativeBitrate: true, networkCache: 1000,
    });
    assert.match(made.connectionId, /^ipc_IPCAM_rtsp_[A-Z0-9]{4}_127_0_0_1_9_cam$/);
    assert.deepEqual([made.status, made.platform, made.token ?? null, made.publishers.length], ['active', 'IPCAM', null, 1]);
    assert.equal(await refused(session.createConnection({ type: ConnectionType.IPCAM, rtspUri: 'gopher://x' })), '400');
    assert.equal(await refused(session.forceUnpublish(made.publishers[0])), '405');
    await session.fetch();
    assert.equal(session.activeConnections.length, 2);
    await session.forceDisconnect(made.connectionId);
}

async function recordings() {
    assert.equal(await refused(server.startRecording('nothing')), '404');
    const empty = await server.createSession({ customSessionId: 'empty' });
    assert.equal(await refused(server.startRecording('empty')), '406', 'nobody is there');
    await empty.close();
    assert.equal(await refused(server.startRecording('S', { hasAudio: false, hasVideo: false })), '422');
    const begun = await server.startRecording('S', { name: 'mine', outputMode: Recording.OutputMode.INDIVIDUAL });
    assert.deepEqual([begun.id, begun.properties.name, begun.status, begun.sessionId], ['S', 'mine', 'started', 'S']);
    assert.equal(await refused(server.startRecording('S')), '409');
    assert.equal(await refused(server.deleteRecording('S')), '409');
    await new Promise((done) => setTimeout(done, 2000));
    const ended = await server.stopRecording('S');
    assert.equal(ended.status, 'ready');
    assert.ok(ended.duration > 1 && ended.size > 1000, JSON.stringify(ended));
    assert.equal(ended.url, `${url}/openvidu/recordings/S/mine.zip`);
    const authorization = server.getBasicAuth('MY_SECRET');
    const file = await fetch(ended.url, { headers: { authorization } });
    assert.equal((await file.arrayBuffer()).byteLength, Number(file.headers.get('content-length')));
    assert.equal(await refused(server.stopRecording('S')), '404');
    assert.equal((await server.getRecording('S')).status, 'ready');
    assert.deepEqual((await server.listRecordings()).map((one) => one.id), ['S']);
    await server.deleteRecording('S');
    assert.equal(await refused(server.getRecording('S')), '404');
}

async function live(session) {
    assert.equal((await server.fetchWebRtc()).changes, true);
    await session.fetch();
    const [ann] = session.activeConnections;
    assert.equal(ann.publishers.length, 1);
    await session.forceUnpublish(ann.publishers[0]);
    assert.equal(await refused(session.forceUnpublish('str_CAM_none_con_ann')), '404');
    await session.fetch();
    assert.equal(session.activeConnections[0].publishers.length, 0);
    assert.equal(await refused(server.startBroadcast('S', 'rtmp://127.0.0.1/x')), '404', 'not of this edition');
    await session.forceDisconnect('con_ann');
    assert.equal(await server.fetch(), true, 'the session ended with its last');
    assert.equal(server.activeSessions.length, 0);
    assert.equal(await refused(session.createConnection()), '404');
}

(async () => {
    await sessions();
    const session = await server.createSession({ customSessionId: 'S' });
    await connections(session);
    await camera(session);
    await recordings();
    await live(session);
    console.log('done');
})().catch((error) => {
    console.error(error);
    process.exit(1);
});
